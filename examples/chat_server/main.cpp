#include "program.hpp"

int main(int argc, char** argv) { return chat_server::run(argc, argv); }
