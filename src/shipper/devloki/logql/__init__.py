"""The part of LogQL the stand-in answers: selectors, line filters, `json`, `logfmt`, label filters, `unwrap`, range and
vector aggregations, and arithmetic between them."""
