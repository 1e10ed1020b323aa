/** Versions of the senders, read from what is installed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { SenderName } from "./cells.ts";

export type Versions = Readonly<Record<SenderName, string>>;

export function readVersions(chromium: string): Versions {
  const jsSdk = packageVersion("@opentelemetry/sdk-trace-base");
  const jsExporter = packageVersion("@opentelemetry/exporter-trace-otlp-http");
  return {
    "OpenTelemetry JS SDK": `${jsSdk}, exporters ${jsExporter}, Node ${process.versions.node}`,
    "OpenTelemetry Python SDK": pythonVersions(),
    "OpenTelemetry Go SDK": `${moduleVersion("go", "go.opentelemetry.io/otel/sdk")}, grpc ${moduleVersion("go", "google.golang.org/grpc")}`,
    "OpenTelemetry Collector": `${moduleVersion("collector", "go.opentelemetry.io/collector/otelcol")}, built from modules`,
    telemetrygen: moduleVersion(
      "collector",
      "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen",
    ),
    "browser SDK with CORS": `${packageVersion("@opentelemetry/sdk-trace-web")}, exporter ${jsExporter}, Chromium ${chromium}`,
    "raw client": `grpc-js ${packageVersion("@grpc/grpc-js")}, fetch of Node ${process.versions.node}`,
  };
}

function packageVersion(name: string): string {
  // `as`: every package.json has it.
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  return manifest.dependencies[name] ?? "unknown";
}

function moduleVersion(directory: string, module: string): string {
  const text = readFileSync(new URL(`${directory}/go.mod`, import.meta.url), "utf8");
  const line = text.split("\n").find((each) => each.trim().startsWith(`${module} `)) ?? "";
  return line.trim().split(" ")[1] ?? "unknown";
}

function pythonVersions(): string {
  const script =
    "import sys, importlib.metadata as m; print(m.version('opentelemetry-sdk') + ', Python ' + sys.version.split()[0])";
  const python = process.env["NONET_TEST_PYTHON"] ?? ".local/python/bin/python";
  return execFileSync(python, ["-c", script], { encoding: "utf8" }).trim();
}
