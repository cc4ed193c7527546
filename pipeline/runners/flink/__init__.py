"""Jobs on Flink, embedded or a cluster: job server, worker processes, REST."""
