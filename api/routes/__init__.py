"""The routes, one module a noun. Each reads its request, asks the parts, and answers; commits come before answers."""
