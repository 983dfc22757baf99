"""Pure decisions. Every rule that is one lives here, once, and every store calls it."""
