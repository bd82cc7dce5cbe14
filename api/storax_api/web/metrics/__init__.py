"""How fast jobs run: throughput, utilisation, waits, run times, stages."""
