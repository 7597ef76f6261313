package deliver

// TagForTest names a sending as services are told.
func TagForTest(id int64, ref string) string { return tagOf(id, ref) }
