/** What a service that an environment variable names can do: be used, and stay as it is. */
export function externalService(variable: string): {
  kill(): Promise<never>;
  stop(): Promise<never>;
  pause(): never;
  resume(): never;
  restart(): Promise<never>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const refuse = (action: string): never => {
    throw new Error(
      `cannot ${action} the service that ${variable} names: this test needs one of its own; unset ${variable}`,
    );
  };
  return {
    kill: async () => refuse("kill"),
    stop: async () => refuse("stop"),
    pause: () => refuse("pause"),
    resume: () => refuse("resume"),
    restart: async () => refuse("restart"),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
