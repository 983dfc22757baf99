"""Records as plain data: values, registered types, and nothing that names an import."""
