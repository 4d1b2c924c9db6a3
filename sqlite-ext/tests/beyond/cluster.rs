//! A cluster of SeaweedFS on this machine: a master, three volume servers in three racks, and a filer that speaks S3. Its
//! processes end with the test.

use crate::servers::{Server, free_port, seaweedfs_config};
use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

pub struct Cluster {
    master: Server,
    pub volumes: Vec<Server>,
    filer: Server,
}

/// The port of HTTP, and that of gRPC: a filer's S3 looks for it 10,000 above.
fn ports() -> (u16, u16) {
    loop {
        let http = free_port();
        let grpc = http.checked_add(10_000).filter(|grpc| TcpListener::bind(("127.0.0.1", *grpc)).is_ok());
        if let Some(grpc) = grpc {
            return (http, grpc);
        }
    }
}

fn start(kind: &str, answers_at: u16, arguments: &[String], directory: tempfile::TempDir) -> Server {
    let place = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1"].map(str::to_owned);
    let all = [&[kind.to_owned()], &place[..], arguments].concat();
    Server::start("weed", &all, answers_at, directory)
}

impl Cluster {
    /// Each chunk lies on volume servers in two racks.
    pub fn start() -> Self {
        let directory = || tempfile::tempdir().unwrap();
        let (port, grpc) = ports();
        let peers = ["-mdir=.", "-peers=none", "-defaultReplication=010", "-volumeSizeLimitMB=64", "-telemetry=false"];
        let mut arguments: Vec<_> = peers.map(str::to_owned).into();
        arguments.extend([format!("-port={port}"), format!("-port.grpc={grpc}")]);
        let master = start("master", port, &arguments, directory());
        let address = format!("-master=127.0.0.1:{port}.{grpc}");
        let volumes = (1..=3).map(|rack| {
            let (port, grpc) = ports();
            let own = [format!("-port={port}"), format!("-port.grpc={grpc}"), format!("-rack=r{rack}")];
            let shared = ["-dir=.", "-max=20", "-dataCenter=d"].map(str::to_owned);
            start("volume", port, &[&own[..], &shared, std::slice::from_ref(&address)].concat(), directory())
        });
        let volumes = volumes.collect();
        let ((port, grpc), (s3, s3_grpc), place) = (ports(), ports(), directory());
        fs::write(place.path().join("s3.json"), seaweedfs_config("]")).unwrap();
        let own = [format!("-port={port}"), format!("-port.grpc={grpc}"), address];
        let mut of_s3: Vec<_> =
            ["-s3", "-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0"].map(str::to_owned).into();
        of_s3.extend([format!("-s3.port={s3}"), format!("-s3.port.grpc={s3_grpc}")]);
        let filer = start("filer", s3, &[&own[..], &of_s3].concat(), place);
        let cluster = Self { master, volumes, filer };
        cluster.wait_for(3);
        cluster
    }

    /// The port at which it speaks S3.
    pub fn port(&self) -> u16 {
        self.filer.port
    }

    /// Makes a bucket, and gives the name of a store in it.
    pub fn bucket(&self, name: &str) -> String {
        self.filer.bucket(name, &[])
    }

    /// The name of a store that was made, over another port.
    pub fn store(&self, bucket: &str, port: u16) -> String {
        self.filer.store(bucket, "some/prefix", port)
    }

    /// Waits until the master knows of so many volume servers.
    pub fn wait_for(&self, count: usize) {
        let start = Instant::now();
        loop {
            let (_, answer) = self.master.ask("GET", "/dir/status", &[], b"");
            if answer.matches("\"Url\":").count() == count {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "the master knows of others than {count}: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts a volume server again that was killed.
    pub fn start_again(&mut self, volume: usize) {
        self.volumes[volume].start_again();
        self.wait_for(3);
    }
}
