"""What an event says without being asked: one spelling for each thing, and plain facts about numbers, networks, mailboxes and programs. Pure."""
