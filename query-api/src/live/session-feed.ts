/**
 * Who follows which session. Each project's live feed is read once, however many of its sessions are followed, and a change only sets marks:
 * nothing waits here, so nothing has to be bounded.
 */
import type { Projection } from "@nonet/proto/projection/projection.ts";

export interface SessionFollower {
  /** Something of the session may have changed. */
  changed(): void;
  /** Changes may have been missed. */
  lost(): void;
}

export interface SessionFeed {
  /** From when `listening` resolves no change is missed. That can take as long as Redis is away. */
  follow(
    projectId: string,
    sessionId: string,
    follower: SessionFollower,
  ): { readonly listening: Promise<void>; stop(): void };
}

interface Project {
  readonly followers: Map<string, Set<SessionFollower>>;
  readonly listening: Promise<void>;
  readonly stop: AbortController;
}

export function createSessionFeed(projection: Pick<Projection, "subscribe">): SessionFeed {
  const projects = new Map<string, Project>();

  function open(projectId: string): Project {
    const listening = Promise.withResolvers<void>();
    const project: Project = { followers: new Map(), listening: listening.promise, stop: new AbortController() };
    projects.set(projectId, project);
    void (async () => {
      let heard = false;
      for await (const item of projection.subscribe(projectId, undefined, project.stop.signal)) {
        if ("notice" in item) {
          for (const sessionId of item.notice.sessionIds) {
            for (const follower of project.followers.get(sessionId) ?? []) follower.changed();
          }
        } else if (heard) {
          for (const followers of project.followers.values()) for (const follower of followers) follower.lost();
        } else {
          heard = true;
          listening.resolve();
        }
      }
    })();
    return project;
  }

  return {
    follow(projectId, sessionId, follower) {
      const project = projects.get(projectId) ?? open(projectId);
      const followers = project.followers.get(sessionId) ?? new Set();
      project.followers.set(sessionId, followers.add(follower));
      return {
        listening: project.listening,
        stop() {
          if (!followers.delete(follower) || followers.size > 0) return;
          project.followers.delete(sessionId);
          if (project.followers.size > 0) return;
          project.stop.abort();
          projects.delete(projectId);
        },
      };
    },
  };
}
