#!/bin/sh
# Prints the first Python that runs and is 3.11 or newer. A name on the PATH may be a shim that fails, so each is tried.
for name in "$PYTHON" python3.11 python3.12 python3.13 python3 python; do
    [ -n "$name" ] || continue
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$name"
        exit 0
    fi
done
echo "✗ No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2
echo "  没有找到 Python 3.11 或更新版本,请先安装,或用 make PYTHON=… 指定" >&2
exit 1
