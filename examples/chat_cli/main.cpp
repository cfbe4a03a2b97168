#include "app.hpp"

int main(int argc, char** argv) { return chat_cli::App(chat_cli::parse_arguments(argc, argv)).run(); }
