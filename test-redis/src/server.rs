use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Certificates;

/// The environment variable with the path of another server: of another version, or of Valkey.
const PROGRAM: &str = "RHAID_TEST_REDIS_SERVER";

/// The file of a Sentinel, which it writes too.
const SENTINEL_CONFIG: &str = "sentinel.conf";

/// One `redis-server` with a socket, a TCP port and a directory of its own.
///
/// It is a child of a small shell that waits for the end of a pipe, so it ends with this value,
/// and also when the test process is killed.
#[derive(Debug)]
pub struct RedisServer {
    /// The shell; its standard input is the pipe.
    parent: Option<Child>,
    /// The server's own process.
    pid: u32,
    port: u16,
    /// Whether the port takes TLS only.
    uses_tls: bool,
    args: Vec<String>,
    directory: tempfile::TempDir,
}

impl RedisServer {
    /// Prints the server's pid, waits for the end of its input, then kills the server.
    const PARENT: &'static str =
        r#""$@" >server.log 2>&1 & pid=$!; echo $pid; cat >/dev/null; kill -9 $pid; wait $pid 2>/dev/null"#;

    /// How long a server may take to answer. Loading an append-only file counts in.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A server that keeps nothing on disk.
    ///
    /// # Panics
    /// If `redis-server` is missing, or does not answer.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// A server with those arguments.
    ///
    /// # Panics
    /// If `redis-server` is missing, or does not answer.
    #[must_use]
    pub fn with(args: &[&str]) -> Self {
        Self::launched(args, false, directory())
    }

    /// A server whose port takes TLS only, with the certificate of that name and those arguments. It keeps nothing on disk.
    ///
    /// # Panics
    /// If `redis-server` is missing or has no TLS, or does not answer.
    #[must_use]
    pub fn with_tls(certificates: &Certificates, name: &str, args: &[&str]) -> Self {
        let tls = tls_args(certificates, name);
        let tls = tls.each_ref().map(String::as_str);
        Self::launched(&[&tls[..], &["--save", "", "--appendonly", "no"], args].concat(), true, directory())
    }

    /// A Sentinel that watches the server at a port of 127.0.0.1 as the master of that name. Two have to agree that it is
    /// dead, when it has not answered for two seconds.
    ///
    /// # Panics
    /// If `redis-server` is missing, or does not answer.
    #[must_use]
    pub fn sentinel(name: &str, master: u16, args: &[&str]) -> Self {
        Self::launched_sentinel(name, master, args, false)
    }

    /// The same over TLS, with a certificate as [`with_tls`](Self::with_tls).
    ///
    /// # Panics
    /// If `redis-server` is missing or has no TLS, or does not answer.
    #[must_use]
    pub fn sentinel_with_tls(
        certificates: &Certificates,
        certificate: &str,
        name: &str,
        master: u16,
    ) -> Self {
        let tls = tls_args(certificates, certificate);
        Self::launched_sentinel(name, master, &tls.each_ref().map(String::as_str), true)
    }

    fn launched_sentinel(name: &str, master: u16, args: &[&str], uses_tls: bool) -> Self {
        let directory = directory();
        let config = format!(
            "sentinel monitor {name} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {name} 2000\n\
             sentinel failover-timeout {name} 3000\n"
        );
        std::fs::write(directory.path().join(SENTINEL_CONFIG), config).expect("a file");
        Self::launched(&[&[SENTINEL_CONFIG, "--sentinel"], args].concat(), uses_tls, directory)
    }

    /// A server that can be of a cluster. It takes a server that is silent for 2 s for dead, and keeps nothing on disk.
    pub(crate) fn cluster_node() -> Self {
        let args = [
            "--save",
            "",
            "--appendonly",
            "no",
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "2000",
        ];
        Self::launched_at(cluster_port(), &args, false, directory())
    }

    /// The same with the certificate of that name, for clients and between the servers.
    pub(crate) fn cluster_node_with_tls(certificates: &Certificates, name: &str) -> Self {
        let args = ["--save", "", "--appendonly", "no", "--cluster-enabled", "yes", "--tls-cluster", "yes"];
        let tls = tls_args(certificates, name);
        let args: Vec<_> = args.into_iter().chain(tls.iter().map(String::as_str)).collect();
        Self::launched_at(cluster_port(), &args, true, directory())
    }

    fn launched(args: &[&str], uses_tls: bool, directory: tempfile::TempDir) -> Self {
        Self::launched_at(free_port(), args, uses_tls, directory)
    }

    fn launched_at(port: u16, args: &[&str], uses_tls: bool, directory: tempfile::TempDir) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut server = Self { parent: None, pid: 0, port, uses_tls, args, directory };
        server.launch();
        server
    }

    /// Its URL over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.uses_tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}/", self.port)
    }

    /// Whether its port takes TLS only.
    #[must_use]
    pub const fn uses_tls(&self) -> bool {
        self.uses_tls
    }

    /// Its URL over the unix socket.
    #[must_use]
    pub fn unix_url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Its TCP port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server, for signals.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The path of its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it at once (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut parent) = self.parent.take() {
            drop(parent.stdin.take());
            let _ = parent.wait();
        }
    }

    /// Starts it again with the files that it left, at the same addresses.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    /// Sends a command as words, and has the raw answer (the first 64 KiB of it).
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("an answer of redis-server")
    }

    /// The same of a server that may close the connection meanwhile.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(text.as_bytes())?;
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer)?;
        answer.truncate(length);
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn launch(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let port = self.port.to_string();
        let program = std::env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new("sh");
        command.args(["-c", Self::PARENT, "sh"]).arg(program);
        // The file of a Sentinel comes first.
        command.args(&self.args).args(["--bind", "127.0.0.1", "--unixsocket", "redis.sock"]);
        match self.uses_tls {
            true => command.args(["--port", "0", "--tls-port", &port]),
            false => command.args(["--port", &port]),
        };
        command.args(["--maxmemory-policy", "noeviction"]).current_dir(self.directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut parent = command.spawn().expect("a shell");
        self.pid = read_pid(&mut parent);
        self.parent = Some(parent);
        let start = Instant::now();
        // A server that still loads its file answers with an error.
        while !self
            .try_command(&["PING"])
            .is_ok_and(|answer| answer.starts_with('+') || answer.starts_with("-NOAUTH"))
        {
            if start.elapsed() > Self::PATIENCE || !self.is_running() {
                let log =
                    std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default();
                panic!(
                    "redis-server does not run; tests need it: install the package redis-server \
                     (apt-get install redis-server). Its log: {log}"
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_running(&self) -> bool {
        Path::new(&format!("/proc/{}/stat", self.pid)).exists() || !Path::new("/proc/self").exists()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rhai-redis-").tempdir().expect("a directory")
}

/// The arguments of a server with the certificate of that name. It asks clients for none, unless others say so.
fn tls_args(certificates: &Certificates, name: &str) -> [String; 10] {
    let file = |extension| certificates.file(&format!("{name}.{extension}")).display().to_string();
    [
        "--tls-cert-file".into(),
        file("pem"),
        "--tls-key-file".into(),
        file("key"),
        "--tls-ca-cert-file".into(),
        certificates.ca().display().to_string(),
        "--tls-auth-clients".into(),
        "no".into(),
        "--tls-replication".into(),
        "yes".into(),
    ]
}

/// The first line that the shell prints.
fn read_pid(parent: &mut Child) -> u32 {
    let mut text = String::new();
    let mut byte = [0];
    let output = parent.stdout.as_mut().expect("it is piped");
    while output.read(&mut byte).expect("the shell's answer") == 1 && byte[0] != b'\n' {
        text.push(char::from(byte[0]));
    }
    text.parse().expect("a process id")
}

/// A port that was free a moment ago, as was the one that the servers of a cluster speak to each other at.
fn cluster_port() -> u16 {
    const DISTANCE: u16 = 10_000;
    loop {
        let port = free_port();
        let other = port.checked_add(DISTANCE);
        if other.is_some_and(|other| TcpListener::bind(("127.0.0.1", other)).is_ok()) {
            return port;
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
