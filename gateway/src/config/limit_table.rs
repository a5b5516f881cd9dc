/// Calls a macro with the table of all limits: the name, its setter, its type, its default, and what it limits.
macro_rules! limit_table {
    ($then:ident) => {
        $then! {
            max_connections with_max_connections: usize = 10_000,
                "Connections at once. One more gets the status 503, and is closed.";
            max_connections_per_address with_max_connections_per_address: usize = 1_000,
                "Connections at once from one address, of IPv6 from one /64; a trusted proxy has no such limit. One more gets \
                 the status 429, and is closed.";
            max_calls_per_connection with_max_calls_per_connection: usize = 1_024,
                "Calls of one connection that have no answer yet. One more is refused.";
            max_calls_per_caller with_max_calls_per_caller: usize = 4_096,
                "Calls of one caller, over all its connections, that have no answer yet. One more is refused.";
            max_call_bytes_per_caller with_max_call_bytes_per_caller: usize = 64 << 20,
                "Bytes that the messages of these calls have together. A call beyond is refused.";
            max_message_bytes with_max_message_bytes: usize = 2 << 20,
                "Bytes of one message. A WebSocket with a longer one is closed with the code 1009; a POST gets the status 413.";
            max_batch with_max_batch: usize = 1_000,
                "Entries of one batch. A longer batch is refused as a whole.";
            max_answer_bytes with_max_answer_bytes: usize = 32 << 20,
                "Bytes of the answers to the entries of one batch. An entry beyond gets an error in place of its result.";
            max_reads_per_connection with_max_reads_per_connection: usize = 16,
                "Records and lists that the calls of one connection read at once, and that wait in memory for a client that \
                 takes no answers. Further calls wait.";
            max_subscriptions with_max_subscriptions: usize = 100,
                "Subscriptions of one connection. One more is refused.";
            max_queued_messages with_max_queued_messages: usize = 256,
                "Messages that wait for a client that reads slowly. Then its calls and subscriptions wait too.";
            max_queued_bytes with_max_queued_bytes: usize = 4 << 20,
                "Bytes of these messages; a longer message waits alone.";
            max_listed with_max_listed: usize = 1_000,
                "Entries of one answer that lists tasks, calls or audit entries.";
            max_sessions with_max_sessions: usize = 1_000,
                "Sessions of browsers. One more ends the one that was not used for the longest time.";
            max_login_attempts with_max_login_attempts: usize = 10,
                "Logins in a minute from one address. One more gets the status 429.";
            max_audit_entries with_max_audit_entries: usize = 10_000,
                "Entries of the audit log that can be read back.";
            max_audit_bytes with_max_audit_bytes: usize = 16 << 20,
                "Bytes of the file of the audit log. A full file is renamed, and a new one begun.";
            max_audit_files with_max_audit_files: usize = 4,
                "Files of the audit log, the current one included. The oldest is removed.";
            header_timeout with_header_timeout: Duration = Duration::from_secs(10),
                "How long the head of a request, the start of TLS, or the next request of a connection may take. Then the \
                 connection is closed.";
            body_timeout with_body_timeout: Duration = Duration::from_secs(30),
                "How long the body of a request may take. Then it gets the status 408.";
            write_timeout with_write_timeout: Duration = Duration::from_secs(30),
                "How long a client may read nothing while something waits to be written to it. Then its connection is closed.";
            ping_interval with_ping_interval: Duration = Duration::from_secs(20),
                "After how long without a message from the client a WebSocket is pinged.";
            ping_timeout with_ping_timeout: Duration = Duration::from_secs(20),
                "How long the answer to a ping may take. Then the WebSocket is closed.";
            idle_timeout with_idle_timeout: Duration = Duration::from_secs(600),
                "How long a WebSocket may have neither a call nor a subscription. Then it is closed with the code 1000.";
            session_ttl with_session_ttl: Duration = Duration::from_secs(12 * 60 * 60),
                "How long a session of a browser lasts.";
            call_timeout with_call_timeout: Duration = Duration::from_secs(30),
                "How long a call may take unless it says so. Then its task is cancelled.";
            max_call_timeout with_max_call_timeout: Duration = Duration::from_secs(60 * 60),
                "The longest timeout that a call may ask for.";
            shutdown_grace with_shutdown_grace: Duration = Duration::from_secs(10),
                "How long calls may continue once the gateway shuts down.";
        }
    };
}

pub(super) use limit_table;
