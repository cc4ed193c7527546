"""HTTP answers as servers send them and crawlers store them: one lenient reader of heads, chunks and content codings.

What browsers, curl and urllib read is read; what cannot be read has a reason. Live answers (`pipeline.download`) and
stored ones (`pipeline.sources.html.page`) go through the same functions.
"""
