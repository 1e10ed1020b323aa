/** Any JSON value. Objects that hold data of strangers are built without a prototype, so `__proto__` is an ordinary key (event-mapping.md 6.2). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = { [key: string]: Json };
