/** Builds the Go programs of the matrix into .local/interop, from modules pinned by go.mod and go.sum. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const programs = [
  { name: "sender", directory: "go", target: "./sender" },
  { name: "collector", directory: "collector", target: "." },
  {
    name: "telemetrygen",
    directory: "collector",
    target: "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen",
  },
];

export function buildGoPrograms(): void {
  const go = existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : "go";
  const root = new URL("../../", import.meta.url).pathname;
  for (const { name, directory, target } of programs) {
    console.log(`building ${name}`);
    execFileSync(go, ["build", "-trimpath", "-ldflags", "-s -w", "-o", `${root}.local/interop/${name}`, target], {
      cwd: `${root}test/interop/${directory}`,
      stdio: "inherit",
    });
  }
}
