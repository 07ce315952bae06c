//! M74: as a Kubernetes pod of the restricted profile runs it.

use std::fs;

use super::draining::Copied;
use crate::kit::{self, Caller, Program, RequestText, Sidecar, Upstream};

/// Nobody, no groups, no capability, no way to get one, and a root that cannot be written.
const CONFINED: &str = r#"unshare --mount sh -c 'mount -o remount,bind,ro / && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
    --bounding-set=-all --inh-caps=-all --no-new-privs "$0" "$@"'"#;

#[tokio::test]
async fn it_needs_no_root_no_capability_and_no_place_to_write() {
    let can = Program::with(["-c", "true"]).by_shell(&format!(r#"exec {CONFINED} sh "$@""#)).run().await;
    if can.code != 0 {
        kit::skipped(&format!("this machine does not let a test confine a process (unshare, setpriv): {}", can.err));
        return;
    }
    let (upstream, copied) = (Upstream::recording().await, Copied::new());
    // Plain HTTP: the kit's private key is not for everybody to read.
    let program = Sidecar::guarding(&upstream).without_tls().program(["run"]);
    let program = program.by_shell(&format!(r#"exec {CONFINED} '{}' "$@""#, copied.file().display()));
    let mut running = program.start();
    let address = running.address().await;
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("it is running");
    for line in
        ["Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"]
    {
        assert!(status.lines().any(|each| each == line), "{line}: {status}");
    }
    let caller = Caller::in_clear(address);
    let token = caller.token().await;
    let delivery = RequestText::new("POST", "/pays").bearer(&token).json("{}");
    assert_eq!(caller.exchange(delivery).await.status(), 200);
    let files = open_for_writing(running.id());
    assert!(files.is_empty(), "{files:?}");
    running.signal("TERM");
    assert_eq!((running.exit().await, running.err()), (0, String::new()));
    assert_eq!(upstream.seen(), 1);
}

/// The regular files that a process could write.
fn open_for_writing(id: u32) -> Vec<String> {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).expect("it is running").flatten();
    let files = descriptors.filter_map(|entry| {
        let info = fs::read_to_string(format!("/proc/{id}/fdinfo/{}", entry.file_name().to_str()?)).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let is_read_only = u32::from_str_radix(flags.trim(), 8).ok()? & 3 == 0;
        let is_file = fs::metadata(entry.path()).ok()?.is_file();
        (is_file && !is_read_only).then(|| fs::read_link(entry.path()).ok())?
    });
    files.map(|file| file.display().to_string()).collect()
}
