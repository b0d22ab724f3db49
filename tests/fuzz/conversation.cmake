file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(conversation SOURCES fuzz_conversation.c ${CMAKE_SOURCE_DIR}/host-agent/courier/conversation.c ${_wire})
