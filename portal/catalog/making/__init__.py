"""Making models of what is there: Modelfiles, `create`, quantisation, blobs that come in."""
