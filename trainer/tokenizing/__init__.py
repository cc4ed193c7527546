"""What a tokenizer is made of: words and bytes, the cleaning of captions, the file that `tokenizers` opens."""
