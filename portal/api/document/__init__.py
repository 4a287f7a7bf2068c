"""The API as a document: shapes, operations, the OpenAPI of them, and the pages people read."""
