tocsin_fuzzer(messages
  SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_messages.c ${CMAKE_SOURCE_DIR}/host-agent/proc/message.c
    ${CMAKE_SOURCE_DIR}/host-agent/alarm/finding.c ${CMAKE_SOURCE_DIR}/host-agent/alarm/open.c
    ${CMAKE_SOURCE_DIR}/host-agent/alarm/fold.c ${CMAKE_SOURCE_DIR}/host-agent/alarm/order.c
    ${CMAKE_SOURCE_DIR}/host-agent/alarm/tokens.c ${CMAKE_SOURCE_DIR}/host-agent/alarm/status.c
    ${CMAKE_SOURCE_DIR}/host-agent/alarm/netstate.c
  LIBS wire)
