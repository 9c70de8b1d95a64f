"""What a check leaves for others to read: JUnit, SARIF, annotations and a summary for GitHub, a folder with a page."""
