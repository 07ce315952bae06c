//! An early 401 to a POST whose body is still on its way, as curl takes it: an answer that overtakes its request is lost on many clients.

use std::path::Path;

use super::counted;
use crate::kit::{self, Ca, Program, Sidecar, Upstream};

/// Requests of each kind, and how many run at a time.
const COUNT: usize = 200;
const AT_A_TIME: usize = 4;

/// Posts `file` so many times, each over a connection of its own, and gives what each curl said: exit code, version, status, bytes of the answer.
async fn post(sidecar: &Sidecar, file: &Path, protocol: &str) -> Vec<String> {
    let (ca, port) = (Ca::shared(), sidecar.address().port());
    let line = format!(
        "for i in $(seq {each}); do curl -s {protocol} --max-time 20 --cacert '{ca}' --resolve localhost:{port}:127.0.0.1 \
         --data-binary '@{file}' -o /dev/null -w '%{{exitcode}} %{{http_version}} %{{http_code}} %{{size_download}}\\n' \
         https://localhost:{port}/a; done",
        each = COUNT / AT_A_TIME,
        ca = ca.ca_file().display(),
        file = file.display(),
    );
    let mut running: tokio::task::JoinSet<_> =
        (0..AT_A_TIME).map(|_| Program::with([]).by_shell(&line).run()).collect();
    let mut said = Vec::new();
    while let Some(one) = running.join_next().await {
        let one = one.expect("the shell runs");
        said.extend(one.out.lines().map(str::to_owned));
    }
    said
}

#[tokio::test]
async fn an_early_401_to_a_post_with_a_body_is_received_whole_by_curl() {
    let version = Program::with([]).by_shell("curl --version").run().await;
    if version.code != 0 || !version.out.contains("HTTP2") {
        kit::skipped("there is no curl that speaks HTTP/2");
        return;
    }
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let length = sidecar.get("/a").await.body().length();
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    for (protocol, version) in [("--http2", "2"), ("--http1.1", "1.1"), ("--http1.1 -H Expect:", "1.1")] {
        for size in [64 << 10, 1 << 20] {
            let file = folder.path().join(size.to_string());
            std::fs::write(&file, vec![b'x'; size]).expect("the directory can be written to");
            let said = post(&sidecar, &file, protocol).await;
            let wanted = format!("0 {version} 401 {length}");
            let whole = said.iter().filter(|line| **line == wanted).count();
            counted(&format!("of {COUNT} answers received whole, curl {protocol}, {size} bytes"), whole);
            let odd = said.iter().find(|line| **line != wanted);
            assert_eq!((whole, said.len()), (COUNT, COUNT), "curl {protocol}, {size} bytes: {odd:?}");
        }
    }
    assert_eq!(upstream.seen(), 0);
}
