/** Event mapping 6.1. Exceeding one never rejects a span: it shortens a value, sets the flag `truncated` and is counted by its name here. */
export interface MappingLimits {
  readonly textBytesMax: number;
  readonly structuredBytesMax: number;
  readonly eventBytesMax: number;
  readonly inputMessagesMax: number;
  readonly inputPartsMax: number;
  readonly toolCallsMax: number;
  readonly toolDefinitionsMax: number;
  readonly depthMax: number;
  readonly objectKeysMax: number;
  readonly listItemsMax: number;
  readonly foldedIndexesMax: number;
  readonly nameCharsMax: number;
  readonly tagsMax: number;
  readonly tagCharsMax: number;
  readonly metadataKeysMax: number;
  readonly metadataValueBytesMax: number;
  readonly errorMessageBytesMax: number;
  readonly errorStackBytesMax: number;
  readonly spanEventsMax: number;
  readonly linksMax: number;
  readonly exceptionsMax: number;
  readonly eventsPerSpanMax: number;
  readonly stateKeysMax: number;
  readonly jsonTextCharsMax: number;
  readonly pythonTextCharsMax: number;
  readonly inlineBytesMax: number;
}

export type LimitName = keyof MappingLimits;

export const defaultLimits: MappingLimits = {
  textBytesMax: 262_144,
  structuredBytesMax: 262_144,
  eventBytesMax: 1_048_576,
  inputMessagesMax: 500,
  inputPartsMax: 5_000,
  toolCallsMax: 128,
  toolDefinitionsMax: 256,
  depthMax: 32,
  objectKeysMax: 1_000,
  listItemsMax: 10_000,
  foldedIndexesMax: 2_000,
  nameCharsMax: 256,
  tagsMax: 50,
  tagCharsMax: 128,
  metadataKeysMax: 100,
  metadataValueBytesMax: 4_096,
  errorMessageBytesMax: 8_192,
  errorStackBytesMax: 32_768,
  spanEventsMax: 256,
  linksMax: 128,
  exceptionsMax: 16,
  eventsPerSpanMax: 400,
  /** STATE-LANGGRAPH, in key order. */
  stateKeysMax: 50,
  jsonTextCharsMax: 4_194_304,
  pythonTextCharsMax: 262_144,
  /** Base64 payloads and data URIs above this leave only their size and type (6.2). */
  inlineBytesMax: 1_024,
};
