/** The types of the client, written from the OpenAPI document that the server serves. For the generator only: it needs development packages. */
import openapiTS, { astToString } from "openapi-typescript";

/** @param document  text of `/openapi.json`. */
export async function writeClientTypes(document: string): Promise<string> {
  const types = await openapiTS(document);
  return `/** Written by \`pnpm gen\` from the OpenAPI document. Do not edit. */\n${astToString(types)}`;
}
