//! Which public roots a Java 8 knows: the network's token call is verified by one, of which only "state of October 2024" is known.
//!
//! Source: `jdk/test/sun/security/lib/cacerts/VerifyCACerts.java` of openjdk/jdk8u-dev at 35aec741 (2025), which lists the roots; for those
//! that came late, the pull requests that brought them and the release notes of 8u402. An OpenJDK of Debian, Red Hat or Temurin brings
//! Mozilla's roots instead, which come sooner.

/// Since when a Java 8 knows a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// For so long that a Java 8 that is cared for knows it.
    Long,
    /// Since this update, which is young.
    Since(&'static str),
    /// Not in October 2024.
    Later(&'static str),
}

/// What is known of the root with this common name; nothing of those that are not in the table.
pub(super) fn known(common_name: &str) -> Option<Known> {
    TABLE.iter().find(|(names, _)| names.contains(&common_name)).map(|(_, known)| *known)
}

const TABLE: [(&[&str], Known); 10] = [
    (&LONG, Known::Long),
    // JDK-8307134, openjdk/jdk8u-dev#321.
    (&["GTS Root R1", "GTS Root R2", "GTS Root R3", "GTS Root R4"], Known::Since("8u381 (OpenJDK 8u382), July 2023")),
    // JDK-8304760, openjdk/jdk8u-dev#320.
    (
        &["Microsoft RSA Root Certificate Authority 2017", "Microsoft ECC Root Certificate Authority 2017"],
        Known::Since("8u381 (OpenJDK 8u382), July 2023"),
    ),
    // JDK-8314960, openjdk/jdk8u#49.
    (&["Certigna Root CA"], Known::Since("8u391 (OpenJDK 8u392), October 2023")),
    // JDK-8322257 to 8322260: release notes of OpenJDK 8u402.
    (&["ISRG Root X2"], Known::Since("8u401 (OpenJDK 8u402), January 2024")),
    (
        &["DigiCert TLS ECC P384 Root G5", "DigiCert TLS RSA4096 Root G5"],
        Known::Since("8u401 (OpenJDK 8u402), January 2024"),
    ),
    (&["Telia Root CA v2", "emSign Root CA - G1"], Known::Since("8u401 (OpenJDK 8u402), January 2024")),
    // JDK-8321408 and 8316138, in JDK 22 and 23 in February and May 2024; the update of Java 8 is not noted here.
    (
        &["Certainly Root R1", "Certainly Root E1", "GlobalSign Root R46", "GlobalSign Root E46"],
        Known::Since("an update of 2024"),
    ),
    // JDK-8341057.
    (&["SSL.com TLS RSA Root CA 2022", "SSL.com TLS ECC Root CA 2022"], Known::Later("an update after October 2024")),
    // JDK-8359170, openjdk/jdk8u#75.
    (
        &["Sectigo Public Server Authentication Root R46", "Sectigo Public Server Authentication Root E46"],
        Known::Later("8u461 (OpenJDK 8u462), July 2025"),
    ),
];

/// In the list, and brought by an issue of 2021 or before. ISRG Root X1 since 8u141 (July 2017): letsencrypt.org, certificate compatibility.
const LONG: [&str; 46] = [
    "ISRG Root X1",
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
    "Starfield Root Certificate Authority - G2",
    "Go Daddy Root Certificate Authority - G2",
    "DigiCert Global Root CA",
    "DigiCert Global Root G2",
    "DigiCert Global Root G3",
    "DigiCert Assured ID Root CA",
    "DigiCert Assured ID Root G2",
    "DigiCert Assured ID Root G3",
    "DigiCert High Assurance EV Root CA",
    "DigiCert Trusted Root G4",
    "COMODO RSA Certification Authority",
    "COMODO ECC Certification Authority",
    "AAA Certificate Services",
    "USERTrust RSA Certification Authority",
    "USERTrust ECC Certification Authority",
    "GlobalSign Root CA",
    "GlobalSign",
    "Entrust Root Certification Authority",
    "Entrust Root Certification Authority - EC1",
    "Entrust Root Certification Authority - G2",
    "Entrust Root Certification Authority - G4",
    "Entrust.net Certification Authority (2048)",
    "IdenTrust Commercial Root CA 1",
    "IdenTrust Public Sector Root CA 1",
    "Certum Trusted Network CA",
    "QuoVadis Root CA 1 G3",
    "QuoVadis Root CA 2 G3",
    "QuoVadis Root CA 3 G3",
    "T-TeleSec GlobalRoot Class 2",
    "T-TeleSec GlobalRoot Class 3",
    "Buypass Class 2 Root CA",
    "Buypass Class 3 Root CA",
    "Actalis Authentication Root CA",
    "D-TRUST Root Class 3 CA 2 2009",
    "D-TRUST Root Class 3 CA 2 EV 2009",
    "SSL.com Root Certification Authority RSA",
    "SSL.com Root Certification Authority ECC",
    "SSL.com EV Root Certification Authority RSA R2",
    "Hellenic Academic and Research Institutions RootCA 2015",
    "Hellenic Academic and Research Institutions ECC RootCA 2015",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_told_apart_by_when_java_8_learned_of_them() {
        for (name, expected) in [
            ("ISRG Root X1", Some(Known::Long)),
            ("ISRG Root X2", Some(Known::Since("8u401 (OpenJDK 8u402), January 2024"))),
            ("Sectigo Public Server Authentication Root R46", Some(Known::Later("8u461 (OpenJDK 8u462), July 2025"))),
            ("A root of tomorrow", None),
        ] {
            assert_eq!(known(name), expected, "{name}");
        }
    }
}
