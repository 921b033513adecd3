"""The trusted part: certificates, what they prove, and their check. It uses no solver and no search."""
