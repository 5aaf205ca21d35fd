using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The next piece of k: its factors and where they are packed to. Nothing by default.</summary>
internal readonly unsafe struct GemmNext(GemmOperand rows, GemmOperand columns, int k, float* packedRows, float* packedColumns)
{
    /// <summary>Factors, from the first position of the piece on.</summary>
    public readonly GemmOperand Rows = rows, Columns = columns;

    /// <summary>Positions of k; 0 where there is no such piece.</summary>
    public readonly int K = k;

    /// <summary>Where they are packed to; rows several times, <see cref="GemmPlan.RowCopies"/>.</summary>
    public readonly float* PackedRows = packedRows, PackedColumns = packedColumns;
}

/// <summary>A block's share of packing the next piece of k, a little after every tile of this one. Both where it lies and where it goes have been asked for from inside the tile before (stores wait
/// for their cache lines as loads do), and the stores drain while the next tile is multiplied. A block packs what it will need itself: its columns, shared with the blocks of other rows,
/// and its rows, shared with the blocks of other columns.</summary>
internal unsafe struct GemmOnTheWay
{
    private const int RowPositions = GemmPack.PositionsAtOnce;

    private readonly GemmPack _rows, _columns;
    private readonly GemmOperand _rowSource, _columnSource;
    private readonly float* _packedRows, _packedColumns;
    private readonly int _k, _firstRow, _endRow, _firstColumn, _endColumn, _firstPosition, _columnUnits, _firstRowUnit, _units, _tiles;
    private int _done, _asked, _due;

    /// <param name="plan">The plan.</param>
    /// <param name="next">The next piece.</param>
    /// <param name="block">The block.</param>
    /// <param name="tiles">Tiles of the block.</param>
    public GemmOnTheWay(in GemmPlan plan, in GemmNext next, int block, int tiles)
    {
        if (next.K == 0) return;
        int row = block % plan.RowBlocks, column = block / plan.RowBlocks, copies = plan.RowCopies, copy = plan.Part(column, copies);
        int firstOfCopy = FirstOfCopy(copy, copies, plan.ColumnBlocks), sharing = FirstOfCopy(copy + 1, copies, plan.ColumnBlocks) - firstOfCopy;
        (_k, _tiles) = (next.K, tiles);
        (_rowSource, _columnSource) = (next.Rows, next.Columns);
        _packedRows = next.PackedRows + copy * ((nint)plan.PaddedM * _k);
        _packedColumns = next.PackedColumns;
        _rows = new GemmPack(next.Rows, plan.M, _k, _k, plan.BlockRows, _packedRows);
        _columns = new GemmPack(next.Columns, plan.N, _k, _k, 0, _packedColumns);
        (_firstRow, _endRow) = (row * plan.BlockRows, Math.Min(plan.M, (row + 1) * plan.BlockRows));
        (_firstColumn, _endColumn) = (plan.FirstColumn(column), plan.FirstColumn(column + 1));
        _firstPosition = Share(_k, row, plan.RowBlocks);
        _columnUnits = Share(_k, row + 1, plan.RowBlocks) - _firstPosition;
        int rowUnits = (_k + RowPositions - 1) / RowPositions;
        _firstRowUnit = Share(rowUnits, column - firstOfCopy, sharing);
        _units = _columnUnits + Share(rowUnits, column - firstOfCopy + 1, sharing) - _firstRowUnit;
    }

    private static int Share(int count, int part, int parts) => (int)((long)count * part / parts);

    /// <summary>First block of columns for which <see cref="GemmPlan.Part"/> gives this copy.</summary>
    private static int FirstOfCopy(int copy, int copies, int columnBlocks) => (int)((long)copy * columnBlocks / copies);

    /// <summary>Asks for what is packed after the next tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Request<T>(ref GemmRequests requests) where T : struct, IVec<T>
    {
        requests.Source = requests.Target = default;
        if (_asked > _done || _done + 1 >= _units) return;
        _asked = _done + 1;
        if (_asked < _columnUnits)
        {
            int q = _firstPosition + _asked, width = 2 * T.Count;
            requests.Source = GemmAhead.Stretch(_columnSource.At(_firstColumn, q), _endColumn - _firstColumn);
            requests.Target = GemmAhead.InPanels(_packedColumns + (nint)_firstColumn * _k + (nint)q * width, (nint)width * _k, (_endColumn - _firstColumn + width - 1) / width);
        }
        else
        {
            int q = (_firstRowUnit + _asked - _columnUnits) * RowPositions, height = GemmTiles.FullRows<T>();
            requests.Source = GemmAhead.Across(_rowSource, _firstRow, _endRow - _firstRow, q);
            requests.Target = GemmAhead.InTiles(_packedRows + (nint)_firstRow * _k + (nint)q * height, (nint)height * _k, (_endRow - _firstRow + height - 1) / height);
        }
    }

    /// <summary>A tile is done: packs what is due.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AfterTile<T>() where T : struct, IVec<T>
    {
        for (_due += _units; _due >= _tiles && _done < _units; _due -= _tiles) Unit<T>();
    }

    /// <summary>Packs what is left.</summary>
    public void Finish<T>() where T : struct, IVec<T>
    {
        while (_done < _units) Unit<T>();
    }

    /// <summary>A position of the columns, or four of the rows.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private void Unit<T>() where T : struct, IVec<T>
    {
        int unit = _done++;
        if (unit < _columnUnits)
        {
            _columns.CopyPositions<T>(_firstPosition + unit, 1, _firstColumn, _endColumn);
        }
        else
        {
            int q = (_firstRowUnit + unit - _columnUnits) * RowPositions;
            _rows.CopyPositions<T>(q, Math.Min(RowPositions, _k - q), _firstRow, _endRow);
        }
    }
}
