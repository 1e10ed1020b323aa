/** How many exports one token may run at a time: each holds a connection and the store for long. Source: session-traces.md section 11. */
export interface ExportSlots {
  /** @returns the way to give the slot back, safe to call twice; undefined when all are taken. */
  take(credentialId: string): (() => void) | undefined;
}

export function createExportSlots(perToken: number): ExportSlots {
  const running = new Map<string, number>();
  return {
    take(credentialId) {
      const count = running.get(credentialId) ?? 0;
      if (count >= perToken) return undefined;
      running.set(credentialId, count + 1);
      let taken = true;
      return () => {
        if (!taken) return;
        taken = false;
        const left = (running.get(credentialId) ?? 1) - 1;
        if (left === 0) running.delete(credentialId);
        else running.set(credentialId, left);
      };
    },
  };
}
