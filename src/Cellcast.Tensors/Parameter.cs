namespace Cellcast.Tensors;

/// <summary>A named tensor that training changes. Its gradient adds up over backward passes until <see cref="ClearGradient"/>.</summary>
public sealed class Parameter : Tensor
{
    /// <summary>A parameter of zeros.</summary>
    /// <param name="name">Its name in weight files, unique within a model.</param>
    /// <param name="shape">Sizes of the dimensions.</param>
    public Parameter(string name, params int[] shape) : base(new HostStorage(CountOf(shape), cleared: true), [.. shape], requiresGradient: true) => Name = name;

    /// <summary>Its name in weight files.</summary>
    public string Name { get; }

    /// <summary>A frozen parameter gets no gradient, and no optimiser moves it, not even by weight decay.</summary>
    public bool Frozen
    {
        get => !RequiresGradient;
        set
        {
            SetRequiresGradient(!value);
            if (value) ForgetGradient();
        }
    }

    /// <summary>Starts the next gradient from nothing.</summary>
    public void ClearGradient() => ForgetGradient();

    /// <summary>A matrix that weight files hold turned over.</summary>
    public bool TransposedInFiles { get; init; }

    /// <summary>Its shape in weight files.</summary>
    internal int[] FileShape => TransposedInFiles ? [Columns, Rows] : ShapeArray;

    /// <summary>A copy as weight files hold it.</summary>
    internal Tensor ToFileLayout()
    {
        var t = Zeros(FileShape);
        CopyTransposedIfNeeded(Span, t.Span, Rows, Columns);
        return t;
    }

    /// <summary>Takes values in the layout of weight files.</summary>
    internal void FromFileLayout(ReadOnlySpan<float> values) => CopyTransposedIfNeeded(values, Span, Columns, Rows);

    private void CopyTransposedIfNeeded(ReadOnlySpan<float> from, Span<float> to, int rows, int columns)
    {
        if (!TransposedInFiles) from.CopyTo(to);
        else
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
    }

    /// <inheritdoc/>
    public override string ToString() => $"parameter {Name} {ShapeText}";
}
