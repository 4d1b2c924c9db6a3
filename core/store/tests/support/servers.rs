//! Servers that speak S3, started on this machine on free ports. They end with the test, even if it
//! panics or is killed.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server, and the directory that it works in.
pub struct Server {
    program: &'static str,
    arguments: Vec<String>,
    child: Child,
    pub port: u16,
    pub directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of a program that was installed for the tests.
fn installed(program: &str) -> PathBuf {
    // Tests of several packages use this.
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = above.map(|directory| directory.join("target/servers/bin").join(program));
    let mut path = path.filter(|path| path.exists());
    path.next().unwrap_or_else(|| panic!("{program} is missing: run 'make target/servers/installed'"))
}

/// A port on which nobody listens now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a program that ends when this thread does.
fn begin(program: &str, arguments: &[String], directory: &Path) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("server.log")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(installed(program)).args(arguments).current_dir(directory);
    // The tests must not use the credentials of the person who runs them.
    command.env_remove("AWS_ACCESS_KEY_ID").env("HOME", directory);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}

/// What SeaweedFS lets do the key of the tests, and everybody. `more`: other identities and policies.
pub fn seaweedfs_config(more: &str) -> String {
    let actions = r#"["Admin","Read","Write","List","Tagging"]"#;
    format!(
        r#"{{"identities":[{{"name":"t","credentials":[{{"accessKey":"any","secretKey":"secret"}}],"actions":{actions}}},
            {{"name":"anonymous","actions":{actions}}}{more}}}"#
    )
}

impl Server {
    /// Starts a program that ends when this thread does, and waits until it answers.
    pub fn start(program: &'static str, arguments: &[String], port: u16, directory: TempDir) -> Self {
        let credentials = "[default]\naws_access_key_id = any\naws_secret_access_key = secret\n";
        fs::write(directory.path().join("credentials"), credentials).unwrap();
        let child = begin(program, arguments, directory.path());
        let mut server = Self { program, arguments: arguments.to_vec(), child, port, directory };
        server.wait();
        server
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again in its directory, after a kill. This thread should stay: the server ends with it.
    pub fn start_again(&mut self) {
        self.child = begin(self.program, &self.arguments, self.directory.path());
        self.wait();
    }

    fn wait(&mut self) {
        let start = Instant::now();
        // A server with TLS ends the connection. That is an answer, too.
        let is_tls = self.arguments.iter().any(|argument| argument == "-s");
        let answers = |server: &Self| {
            if is_tls {
                TcpStream::connect(("127.0.0.1", server.port)).is_ok()
            } else {
                server.try_ask("GET", "/", &[], b"").is_some_and(|(status, _)| status < 500)
            }
        };
        while !answers(self) {
            let ended = self.child.try_wait().unwrap();
            let log = || fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default();
            let is_late = start.elapsed() > Duration::from_secs(60);
            assert!(ended.is_none() && !is_late, "{} does not start: {}", self.program, log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SeaweedFS, the real server.
    pub fn seaweedfs() -> Self {
        Self::seaweedfs_with("]")
    }

    /// The same with more in its [configuration](seaweedfs_config).
    pub fn seaweedfs_with(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("s3.json"), seaweedfs_config(more)).unwrap();
        let port = free_port();
        let mut arguments: Vec<_> = [
            "server",
            "-dir=.",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            "-s3.config=s3.json",
            // Without these, two servers on one machine want the same ports.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("-s3.port={port}"));
        let others =
            ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"];
        arguments.extend(others.iter().chain(&["s3.port.grpc"]).map(|name| format!("-{name}={}", free_port())));
        Self::start("weed", &arguments, port, directory)
    }

    /// moto: S3 in Python.
    pub fn moto() -> Self {
        Self::moto_with(&[], tempfile::tempdir().unwrap())
    }

    /// The same with more arguments.
    pub fn moto_with(more: &[&str], directory: TempDir) -> Self {
        let port = free_port();
        let port_text = port.to_string();
        let arguments = ["-H", "127.0.0.1", "-p", &port_text].into_iter().chain(more.iter().copied());
        Self::start("moto_server", &arguments.map(str::to_owned).collect::<Vec<_>>(), port, directory)
    }

    /// One server for all tests of a program. It ends with the program.
    pub fn shared_moto() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (sender, server) = std::sync::mpsc::channel();
            // A server ends with the thread that started it. So this thread stays.
            std::thread::spawn(move || {
                sender.send(Self::moto()).unwrap();
                loop {
                    std::thread::park();
                }
            });
            server.recv().unwrap()
        })
    }

    /// rclone: it ignores every condition.
    pub fn rclone() -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        fs::create_dir(directory.path().join("data")).unwrap();
        let address = format!("127.0.0.1:{port}");
        let arguments = ["serve", "s3", "--addr", &address, "--auth-key", "any,secret", "--config", "none", "data"];
        Self::start("rclone", &arguments.map(str::to_owned), port, directory)
    }

    /// A store in a directory of the server, for a server without rules for buckets.
    pub fn folder(&self, name: &str) -> String {
        fs::create_dir(self.directory.path().join("data").join(name)).unwrap();
        self.store(name, "some/prefix", self.port)
    }

    /// Makes a bucket, and gives the name of a store in it.
    pub fn bucket(&self, name: &str, headers: &[(&str, &str)]) -> String {
        let (status, answer) = self.ask("PUT", &format!("/{name}"), headers, b"");
        assert_eq!(status, 200, "{answer}");
        self.store(name, "some/prefix", self.port)
    }

    /// The name of a store in a bucket, at this port: that of the server, or of a proxy before it.
    pub fn store(&self, bucket: &str, prefix: &str, port: u16) -> String {
        let credentials = self.directory.path().join("credentials");
        format!("s3://{bucket}/{prefix}?endpoint=http://127.0.0.1:{port}&credentials={}", credentials.display())
    }

    /// One request without a signature.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        self.try_ask(method, path, headers, body).expect("an answer")
    }

    fn try_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let length = body.len();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {length}\r\n",
            self.port
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Some((answer.split(' ').nth(1)?.parse().ok()?, answer))
    }
}
