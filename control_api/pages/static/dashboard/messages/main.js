/** The view of messages. */
