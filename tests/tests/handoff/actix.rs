//! The same behind actix-web.

use actix_web::{App, test as actix, web};
use countersign_actix::ReceiverMiddleware;
use countersign_handoff::actix::hand_off;

use crate::{
    engine::{Engine, Redis},
    site::{Site, ids, paid},
};

#[actix_web::test]
async fn actix_answers_the_same() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let site = Site::new(redis.publisher(redis.addr()).await);
    let hook = web::resource("/hook")
        .wrap(ReceiverMiddleware::new(&site.receiver))
        .route(web::post().to(hand_off(&site.queue)));
    let app = actix::init_service(App::new().service(hook)).await;
    let send = async |delivery: &countersign_testkit::SignedDelivery| {
        let mut request = actix::TestRequest::post().uri("/hook");
        for (name, value) in delivery.headers() {
            request = request.insert_header((name.as_str(), value.as_str()));
        }
        let request = request.set_payload(delivery.body().clone()).to_request();
        actix::call_service(&app, request).await.status().as_u16()
    };
    assert_eq!(send(&paid("1")).await, 200);
    assert_eq!(send(&paid("1")).await, 200);
    assert_eq!(send(&paid("2").tampered()).await, 401);
    redis.kill();
    assert_eq!(send(&paid("2")).await, 503);
    redis.resume();
    let _up = redis.connection().await;
    while send(&paid("2")).await != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(ids(&redis.messages().await).len(), 2);
}
