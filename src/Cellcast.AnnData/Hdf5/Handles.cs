using System.Runtime.InteropServices;

namespace Cellcast.AnnData.Hdf5;

/// <summary>An identifier of the HDF5 library (64 bits since 1.10); each kind is closed by its own function, under the lock.</summary>
internal abstract class H5Id : SafeHandle
{
    private readonly bool _predefined;

    private protected H5Id() : base(-1, ownsHandle: true) { }

    /// <summary>One of the library's own, which live as long as the process: disposing does nothing.</summary>
    private protected H5Id(long predefined) : base(-1, ownsHandle: false)
    {
        _predefined = true;
        SetHandle((nint)predefined);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_predefined) base.Dispose(disposing);
    }

    public override bool IsInvalid => handle <= 0;

    private protected abstract int Close(nint id);

    protected override bool ReleaseHandle()
    {
        using var _ = H5.Enter();
        return Close(handle) >= 0;
    }
}

/// <summary>An open file.</summary>
internal sealed class H5FileId : H5Id
{
    private protected override int Close(nint id) => NativeMethods.H5Fclose(id);
}

/// <summary>An open group or dataset.</summary>
internal sealed class H5ObjectId : H5Id
{
    private protected override int Close(nint id) => NativeMethods.H5Oclose(id);
}

/// <summary>An open attribute.</summary>
internal sealed class H5AttributeId : H5Id
{
    private protected override int Close(nint id) => NativeMethods.H5Aclose(id);
}

/// <summary>A dataspace.</summary>
internal sealed class H5SpaceId : H5Id
{
    private protected override int Close(nint id) => NativeMethods.H5Sclose(id);
}

/// <summary>A datatype; the predefined ones are not ours to close.</summary>
internal sealed class H5TypeId : H5Id
{
    public H5TypeId() { }

    internal H5TypeId(long predefined) : base(predefined) { }

    private protected override int Close(nint id) => NativeMethods.H5Tclose(id);
}

/// <summary>A property list; the default one (0) is not ours to close.</summary>
internal sealed class H5PropertiesId : H5Id
{
    public H5PropertiesId() { }

    private H5PropertiesId(long id) : base(id) { }

    internal static H5PropertiesId Default { get; } = new(0);

    public override bool IsInvalid => handle < 0;

    private protected override int Close(nint id) => NativeMethods.H5Pclose(id);
}
