//! The SQLite store and sqlx's SQLite driver in one binary, which has room for one SQLite.

use std::{error::Error, time::Duration};

use countersign::{
    DeliveryKey,
    sqlite::SqliteStore,
    store::{Claim, ClaimRequest, DedupStore, Fenced, Owner},
};
use sqlx::{Row, SqlitePool, sqlite::SqliteConnectOptions};

#[tokio::test]
async fn both_open_the_same_file() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("app.db");
    let store = SqliteStore::open(&file)?;
    let key = DeliveryKey::for_id("rebill", None, "dlv_1");
    let request = ClaimRequest::new(key, Owner::from_u128(1), Duration::from_secs(30));
    let Claim::Claimed(claimed) = store.claim(request.clone()).await? else {
        return Err("a fresh key is free".into());
    };

    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file)).await?;
    let tables = sqlx::query("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    let row = tables.fetch_one(&pool).await?;
    assert!(row.get::<i64, _>(0) > 0);
    pool.close().await;

    let done = store
        .complete(&key, claimed.fence, Duration::from_secs(60))
        .await?;
    assert_eq!(done, Fenced::Applied);
    let again = store.claim(request).await?;
    assert_eq!(again, Claim::Completed { fingerprint: 0 });
    store.close().await;
    Ok(())
}
