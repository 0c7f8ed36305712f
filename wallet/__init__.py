"""The client: keys, signing, review and the `tandem` command. The only package that may touch a secret."""
