if(TARGET appliance)
  tocsin_fuzzer(network SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_network.c
    ${CMAKE_SOURCE_DIR}/boards/console-manager/init/network.c LIBS appliance SEEDS ${CMAKE_CURRENT_LIST_DIR}/network)
endif()
