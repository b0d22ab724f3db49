set(_notify ${CMAKE_SOURCE_DIR}/firmware/belfry/notify)
file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
set(_text ${CMAKE_SOURCE_DIR}/firmware/belfry/text.c ${_notify}/link.c ${_wire})
tocsin_fuzzer(notifylink SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_notifylink.c ${_notify}/link.c ${_notify}/kinds.c
  ${_notify}/facility.c ${_wire})
tocsin_fuzzer(rfc5424 SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_rfc5424.c ${_notify}/rfc5424.c ${_text})
tocsin_fuzzer(message SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_message.c ${_notify}/message.c ${_text})
