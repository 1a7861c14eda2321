//! The quickstart, as a newcomer runs it.

use std::{error::Error, process::Command};

#[test]
fn every_row_of_the_table_is_as_it_must_be() -> Result<(), Box<dyn Error>> {
    let tour = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(["--once", "--listen", "127.0.0.1:0"])
        .output()?;
    let table = String::from_utf8(tour.stdout)?;
    assert!(tour.status.success(), "{table}");
    assert_eq!(table.matches("200 of 200: 200").count(), 2, "{table}");
    assert!(!table.contains("not as it must be"), "{table}");
    Ok(())
}
