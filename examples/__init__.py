"""What a first look needs: a manifest, a source to read, and a program that shows both at work."""
