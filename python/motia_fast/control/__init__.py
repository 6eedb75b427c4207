"""The running process, spoken to from outside: a Unix socket in the data directory, its server and its `Client`.

The socket has mode 0600 from the moment it is there: who may open the file is who may speak. `admin` is what can be
asked, and is asked the same way on a directory at rest.
"""
