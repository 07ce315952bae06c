//! The root that a believed chain ends at, and whether a Java 8 has it.

use rustls::pki_types::TrustAnchor;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::common_name;
use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::java::{self, Known};
use crate::network::Roots;

pub(super) fn judge(read: &[X509Certificate<'_>], roots: &Roots) -> Finding {
    let check = Check::JavaRoots;
    let own: Vec<X509Certificate<'_>> =
        roots.own().iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, own)| own)).collect();
    if read.iter().any(|one| own.iter().any(|own| own.subject() == one.issuer())) {
        return Finding::pass(
            check,
            "an authority of --ca-file, which Java does not know: a trial; the network needs a public one",
        );
    }
    let store = roots.store();
    let anchors = read.iter().filter(|one| store.roots.iter().any(|root| is_root_of(root, one)));
    let names: Vec<String> = anchors.map(|one| common_name(one.issuer())).collect();
    let known: Vec<Option<Known>> = names.iter().map(|name| java::known(name)).collect();
    let shown = names.join(" or ");
    if known.contains(&Some(Known::Long)) {
        return Finding::pass(check, format!("{shown}: in the set of OpenJDK 8 since 2021 or before"));
    }
    let mend = "ask the authority for a chain to an older root (such as a cross-signed one), or ask the network which Java it runs";
    match known.iter().flatten().next() {
        Some(Known::Since(update)) => Finding::warn(
            check,
            format!("{shown}: only since Java {update}; which update the network runs is not known"),
            mend,
        ),
        Some(Known::Later(update)) => Finding::warn(
            check,
            format!("{shown}: only since Java {update}; the network's was older in October 2024"),
            mend,
        ),
        Some(Known::Long) | None => {
            Finding::skipped(check, format!("{shown}: not in the table, so nothing is known of it here"))
        }
    }
}

fn is_root_of(root: &TrustAnchor<'_>, certificate: &X509Certificate<'_>) -> bool {
    content(certificate.issuer().as_raw()) == root.subject.as_ref()
}

/// What is in a DER sequence: a trust anchor keeps its name without the head.
pub(super) fn content(sequence: &[u8]) -> &[u8] {
    let head = match sequence.get(1) {
        Some(length) if *length & 0x80 != 0 => 2 + usize::from(*length & 0x7f),
        _ => 2,
    };
    sequence.get(head..).unwrap_or_default()
}
