/** A page in Chromium as a sender: the bundled SDK, served from an origin that is not the receiver's. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import type { ExportReport } from "./reporting-exporter.ts";
import { createCollectedReports, type Sender } from "./sender.ts";

export interface BrowserSender {
  /** Of the page, for the receiver's list of allowed origins. */
  readonly origin: string;
  readonly version: string;
  readonly send: Sender;
  close(): Promise<void>;
}

export async function startBrowserSender(): Promise<BrowserSender> {
  const bundled = await build({
    entryPoints: [new URL("browser-page.ts", import.meta.url).pathname],
    bundle: true,
    platform: "browser",
    format: "iife",
    write: false,
  });
  const script = bundled.outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><title>interop</title><script src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // `as`: a listening server has an address.
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({
    executablePath: process.env["NONET_TEST_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      // Tests run as root in containers, where Chromium's sandbox cannot.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return {
    origin,
    version: browser.version(),
    async send({ endpoint, apiKey, prefix, spanCount, pauseMs }) {
      const collected = createCollectedReports();
      const page = await browser.newPage();
      await page.exposeFunction("reportExport", (report: ExportReport) => collected.add(report));
      await page.goto(origin);
      const task = { url: `${endpoint}/v1/traces`, apiKey, prefix, spanCount, pauseMs };
      await page.evaluate(`runInterop(${JSON.stringify(task)})`);
      await page.close();
      return collected.result();
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
