/** The view of connections. */
