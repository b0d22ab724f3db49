# Flags for the project's own code. Link a target to `tocsin_flags` to get them.
add_library(tocsin_flags INTERFACE)
target_compile_definitions(tocsin_flags INTERFACE _GNU_SOURCE TOCSIN_VERSION="${PROJECT_VERSION}")
target_compile_options(tocsin_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral
  -fstack-protector-strong -fno-strict-aliasing>)
# snprintf() cuts where it must; callers that mind look at its result.
target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-format-truncation>)
if(TOCSIN_WERROR)
  target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
target_link_options(tocsin_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
