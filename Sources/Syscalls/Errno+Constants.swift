// SPDX-License-Identifier: Apache-2.0

public import CLinux

// A table. In the order of the numbers of the generic architecture.
extension Errno {
  /// `EPERM`: the caller lacks the capability.
  @inlinable public static var notPermitted: Errno { Errno(rawValue: EPERM) }
  /// `ENOENT`: no such file, directory or object.
  @inlinable public static var noSuchFileOrDirectory: Errno { Errno(rawValue: ENOENT) }
  /// `ESRCH`: no such process.
  @inlinable public static var noSuchProcess: Errno { Errno(rawValue: ESRCH) }
  /// `EINTR`: A signal interrupted the call.
  @inlinable public static var interrupted: Errno { Errno(rawValue: EINTR) }
  /// `EIO`: input or output failed.
  @inlinable public static var ioError: Errno { Errno(rawValue: EIO) }
  /// `ENXIO`: no such device or address.
  @inlinable public static var noSuchAddressOrDevice: Errno { Errno(rawValue: ENXIO) }
  /// `E2BIG`: the argument is larger than the kernel takes.
  @inlinable public static var argumentListTooLong: Errno { Errno(rawValue: E2BIG) }
  /// `ENOEXEC`: the file is not executable.
  @inlinable public static var executableFormatError: Errno { Errno(rawValue: ENOEXEC) }
  /// `EBADF`: the number names no open file.
  @inlinable public static var badFileDescriptor: Errno { Errno(rawValue: EBADF) }
  /// `ECHILD`: no child process.
  @inlinable public static var noChildProcess: Errno { Errno(rawValue: ECHILD) }
  /// `EAGAIN`: nothing now, try again; also `EWOULDBLOCK`.
  @inlinable public static var wouldBlock: Errno { Errno(rawValue: EAGAIN) }
  /// `ENOMEM`: out of memory, or over a limit on memory.
  @inlinable public static var noMemory: Errno { Errno(rawValue: ENOMEM) }
  /// `EACCES`: permission denied.
  @inlinable public static var permissionDenied: Errno { Errno(rawValue: EACCES) }
  /// `EFAULT`: an address that the caller may not use.
  @inlinable public static var badAddress: Errno { Errno(rawValue: EFAULT) }
  /// `EBUSY`: the device or resource is in use.
  @inlinable public static var resourceBusy: Errno { Errno(rawValue: EBUSY) }
  /// `EEXIST`: it exists already.
  @inlinable public static var fileExists: Errno { Errno(rawValue: EEXIST) }
  /// `EXDEV`: the two are not on the same device.
  @inlinable public static var improperLink: Errno { Errno(rawValue: EXDEV) }
  /// `ENODEV`: no such device.
  @inlinable public static var noSuchDevice: Errno { Errno(rawValue: ENODEV) }
  /// `ENOTDIR`: not a directory.
  @inlinable public static var notDirectory: Errno { Errno(rawValue: ENOTDIR) }
  /// `EISDIR`: A directory.
  @inlinable public static var isDirectory: Errno { Errno(rawValue: EISDIR) }
  /// `EINVAL`: an argument the kernel does not accept.
  @inlinable public static var invalidArgument: Errno { Errno(rawValue: EINVAL) }
  /// `ENFILE`: the system has too many files open.
  @inlinable public static var tooManyOpenFilesInSystem: Errno { Errno(rawValue: ENFILE) }
  /// `EMFILE`: the process has too many files open.
  @inlinable public static var tooManyOpenFiles: Errno { Errno(rawValue: EMFILE) }
  /// `ENOTTY`: the file knows no such ioctl.
  @inlinable public static var inappropriateControl: Errno { Errno(rawValue: ENOTTY) }
  /// `ETXTBSY`: the file is being executed.
  @inlinable public static var textFileBusy: Errno { Errno(rawValue: ETXTBSY) }
  /// `EFBIG`: the file is too large.
  @inlinable public static var fileTooLarge: Errno { Errno(rawValue: EFBIG) }
  /// `ENOSPC`: no space left, or a ring is full.
  @inlinable public static var noSpace: Errno { Errno(rawValue: ENOSPC) }
  /// `ESPIPE`: the file cannot seek.
  @inlinable public static var illegalSeek: Errno { Errno(rawValue: ESPIPE) }
  /// `EROFS`: the file system is read-only.
  @inlinable public static var readOnlyFileSystem: Errno { Errno(rawValue: EROFS) }
  /// `EPIPE`: the other end is closed.
  @inlinable public static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
  /// `EDOM`: out of the function's domain.
  @inlinable public static var outOfDomain: Errno { Errno(rawValue: EDOM) }
  /// `ERANGE`: the result does not fit.
  @inlinable public static var outOfRange: Errno { Errno(rawValue: ERANGE) }
  /// `EDEADLK`: would deadlock.
  @inlinable public static var deadlock: Errno { Errno(rawValue: EDEADLK) }
  /// `ENAMETOOLONG`: the name is too long.
  @inlinable public static var fileNameTooLong: Errno { Errno(rawValue: ENAMETOOLONG) }
  /// `ENOSYS`: the kernel has no such call.
  @inlinable public static var noFunction: Errno { Errno(rawValue: ENOSYS) }
  /// `ENOTEMPTY`: the directory is not empty.
  @inlinable public static var directoryNotEmpty: Errno { Errno(rawValue: ENOTEMPTY) }
  /// `ELOOP`: too many symbolic links, or programs that call each other.
  @inlinable public static var tooManySymbolicLinkLevels: Errno { Errno(rawValue: ELOOP) }
  /// `ENODATA`: no data.
  @inlinable public static var noData: Errno { Errno(rawValue: ENODATA) }
  /// `ETIME`: the time is over.
  @inlinable public static var timerExpired: Errno { Errno(rawValue: ETIME) }
  /// `EPROTO`: protocol error.
  @inlinable public static var protocolError: Errno { Errno(rawValue: EPROTO) }
  /// `EBADMSG`: not a message of this kind.
  @inlinable public static var badMessage: Errno { Errno(rawValue: EBADMSG) }
  /// `EOVERFLOW`: the value does not fit.
  @inlinable public static var valueOverflow: Errno { Errno(rawValue: EOVERFLOW) }
  /// `EBADFD`: the file is in a state that forbids this, such as a queue of an interface that is gone.
  @inlinable public static var badFileDescriptorState: Errno { Errno(rawValue: EBADFD) }
  /// `ENOTUNIQ`: the name is not unique.
  @inlinable public static var notUnique: Errno { Errno(rawValue: ENOTUNIQ) }
  /// `ENOTSOCK`: not a socket.
  @inlinable public static var notSocket: Errno { Errno(rawValue: ENOTSOCK) }
  /// `EDESTADDRREQ`: A destination address is needed.
  @inlinable public static var destinationAddressRequired: Errno { Errno(rawValue: EDESTADDRREQ) }
  /// `EMSGSIZE`: the message, or the frame, is too long.
  @inlinable public static var messageTooLong: Errno { Errno(rawValue: EMSGSIZE) }
  /// `EPROTOTYPE`: the protocol is not for this type of socket.
  @inlinable public static var protocolWrongTypeForSocket: Errno { Errno(rawValue: EPROTOTYPE) }
  /// `ENOPROTOOPT`: the protocol has no such option.
  @inlinable public static var protocolNotAvailable: Errno { Errno(rawValue: ENOPROTOOPT) }
  /// `EPROTONOSUPPORT`: the protocol is not supported.
  @inlinable public static var protocolNotSupported: Errno { Errno(rawValue: EPROTONOSUPPORT) }
  /// `ESOCKTNOSUPPORT`: the type of socket is not supported.
  @inlinable public static var socketTypeNotSupported: Errno { Errno(rawValue: ESOCKTNOSUPPORT) }
  /// `EOPNOTSUPP`: the object does not support the operation.
  @inlinable public static var notSupported: Errno { Errno(rawValue: EOPNOTSUPP) }
  /// `EAFNOSUPPORT`: the address family is not supported.
  @inlinable public static var addressFamilyNotSupported: Errno { Errno(rawValue: EAFNOSUPPORT) }
  /// `EADDRINUSE`: the address is in use.
  @inlinable public static var addressInUse: Errno { Errno(rawValue: EADDRINUSE) }
  /// `EADDRNOTAVAIL`: the address cannot be assigned.
  @inlinable public static var addressNotAvailable: Errno { Errno(rawValue: EADDRNOTAVAIL) }
  /// `ENETDOWN`: the network, or the interface, is down.
  @inlinable public static var networkDown: Errno { Errno(rawValue: ENETDOWN) }
  /// `ENETUNREACH`: the network cannot be reached.
  @inlinable public static var networkUnreachable: Errno { Errno(rawValue: ENETUNREACH) }
  /// `ECONNABORTED`: the connection was aborted here.
  @inlinable public static var connectionAborted: Errno { Errno(rawValue: ECONNABORTED) }
  /// `ECONNRESET`: the connection was reset by the other end.
  @inlinable public static var connectionReset: Errno { Errno(rawValue: ECONNRESET) }
  /// `ENOBUFS`: no buffer, or no room in a queue.
  @inlinable public static var noBufferSpace: Errno { Errno(rawValue: ENOBUFS) }
  /// `EISCONN`: the socket is connected already.
  @inlinable public static var alreadyConnected: Errno { Errno(rawValue: EISCONN) }
  /// `ENOTCONN`: the socket is not connected.
  @inlinable public static var notConnected: Errno { Errno(rawValue: ENOTCONN) }
  /// `ETIMEDOUT`: the time is over.
  @inlinable public static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
  /// `ECONNREFUSED`: nobody listens there.
  @inlinable public static var connectionRefused: Errno { Errno(rawValue: ECONNREFUSED) }
  /// `EHOSTUNREACH`: the host cannot be reached.
  @inlinable public static var hostUnreachable: Errno { Errno(rawValue: EHOSTUNREACH) }
  /// `EALREADY`: the operation is already on its way.
  @inlinable public static var alreadyInProgress: Errno { Errno(rawValue: EALREADY) }
  /// `EINPROGRESS`: the operation is on its way.
  @inlinable public static var nowInProgress: Errno { Errno(rawValue: EINPROGRESS) }
  /// `ECANCELED`: the operation was cancelled.
  @inlinable public static var canceled: Errno { Errno(rawValue: ECANCELED) }
  /// `EOWNERDEAD`: the owner of the lock died.
  @inlinable public static var ownerDied: Errno { Errno(rawValue: EOWNERDEAD) }
  /// `ENOTRECOVERABLE`: the state cannot be recovered.
  @inlinable public static var notRecoverable: Errno { Errno(rawValue: ENOTRECOVERABLE) }
  /// `ENOTSUPP`: the kernel's own "not supported", 524, which has no name in C.
  @inlinable public static var notSupportedByKernel: Errno { Errno(rawValue: 524) }
}
