"""Pages for people: templates, languages, styles and scripts, without a build step."""
