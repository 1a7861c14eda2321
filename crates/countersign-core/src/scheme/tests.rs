mod build;
mod grammar;
mod template;
