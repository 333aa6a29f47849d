# Writes OUTPUT with the version and the commit of SOURCE_DIR; touches it only when that changes.
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE RESULT)
if(NOT RESULT EQUAL 0)
  set(COMMIT "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once
#define CONVOKE_VERSION \"${VERSION}\"
#define CONVOKE_COMMIT \"${COMMIT}\"
")
