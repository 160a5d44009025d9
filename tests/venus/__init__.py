"""Real Vulkan programs through `vitrine exec`, each judged by what the same program does on the host driver itself."""
