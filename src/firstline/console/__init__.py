"""Pages for people: signing in, roles, and the frame around every page. Server-rendered; docs/console.md."""
